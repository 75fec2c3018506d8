import { defineConfig } from "vite";

// KaTeX offers each font in three formats; every browser that runs this page reads woff2.
const woff2Only = {
  name: "woff2-only",
  enforce: "pre" as const,
  transform(code: string, id: string) {
    if (!id.includes("katex") || !/\.css($|\?)/.test(id)) return null;
    return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\("?[a-z]+"?\)/g, "");
  },
};

export default defineConfig({
  base: "./",
  plugins: [woff2Only],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // a data: URL would need a hole in the content security policy
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}", "mock/**/*.test.mjs"] },
} as Parameters<typeof defineConfig>[0]);
