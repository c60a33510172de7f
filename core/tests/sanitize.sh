#!/bin/sh
# The core's own tests under the sanitizers, with the kernels of every instruction set that the machine has.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build
sources="core/tests/test_core.cpp core/kernels/choose.cpp core/kernels/baseline.cpp"
for how in address,undefined thread; do
    build="c++ -std=c++20 -g -O1 -Wall -Wextra -Wno-psabi -pthread -Icore -fsanitize=$how -fno-sanitize-recover=all"
    case $(uname -m) in
    x86_64 | amd64)
        $build -DSHRINKAGE_X86 -mavx2 -mfma -c core/kernels/avx2.cpp -o build/avx2.o
        $build -DSHRINKAGE_X86 -mavx512f -c core/kernels/avx512.cpp -o build/avx512.o
        $build -DSHRINKAGE_X86 $sources build/avx2.o build/avx512.o -o build/test_core
        kinds="baseline avx2 avx512"
        ;;
    *)
        $build $sources -o build/test_core
        kinds=baseline
        ;;
    esac
    for kind in $kinds; do SHRINKAGE_KERNELS=$kind build/test_core; done
done
