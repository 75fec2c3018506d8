import { living } from "./answers";
import { openConversation } from "./conversation";
import { route } from "./route";

/** Reads the conversation of the address again. */
export function start(): void {
  if (route.peek() !== null) void openConversation(route.peek()!, () => living(route.peek()!));
}
