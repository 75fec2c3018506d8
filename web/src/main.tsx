import { render } from "preact";
import "./styles/index.css";
import { start } from "./state/start";
import { App } from "./ui/app";

render(<App />, document.getElementById("app")!);
void start();
