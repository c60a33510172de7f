import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

// One file, nothing fetched: what Python fills in and hands out.
export default defineConfig({
  plugins: [viteSingleFile({ removeViteModuleLoader: true })],
  build: { outDir: "dist", target: "es2022", modulePreload: false, reportCompressedSize: false },
});
