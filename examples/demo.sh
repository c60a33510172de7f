#!/bin/sh
# The two studies, each from its table to a certified model and predictions of new rows. Run from anywhere;
# SHRINKAGE names the command if it is not on the PATH. Models and predictions go to demo/ in the current folder.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
here=${here#"$PWD"/}
shrinkage=${SHRINKAGE:-shrinkage}
mkdir -p demo

run() {
    printf '\n$ shrinkage %s\n' "$*"
    "$shrinkage" "$@"
}

run fit "$here/diabetes.csv" --target disease_progression --model demo/diabetes.json
run predict demo/diabetes.json "$here/new_patients.csv"
run fit "$here/breast_cancer.csv" --target diagnosis --rule 1se --model demo/breast_cancer.json
run predict demo/breast_cancer.json "$here/new_biopsies.csv" --output demo/new_biopsies_predicted.csv
printf '\n$ cat demo/new_biopsies_predicted.csv\n'
cat demo/new_biopsies_predicted.csv
