// What a new conversation starts with, and how this browser likes to see things.
import type { Settings } from "../store/types";
import { isBoolean, isObject, kept } from "./kept";

export const defaults = kept<Settings>("defaults", {}, isObject as (v: unknown) => v is Settings);
export const sidebarOpen = kept("sidebar", !matchMedia("(max-width: 48rem)").matches, isBoolean); // narrow: it covers the chat
export const thoughtsOpen = kept("thoughts", false, isBoolean);
