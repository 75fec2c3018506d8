// npm run mock [-- --port N --storage browser --key SECRET]: the page and a server that plays one (API.md).
import { parseArgs } from "node:util";
import { createMock } from "./server.mjs";

const { values } = parseArgs({
  options: { port: { type: "string", default: "8765" }, storage: { type: "string", default: "server" }, key: { type: "string", default: "" } },
});
const mock = await createMock(values);
console.log(`http://127.0.0.1:${mock.port}/`);
