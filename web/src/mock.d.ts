declare module "*/mock/sample.mjs" {
  export const sample: string;
}
