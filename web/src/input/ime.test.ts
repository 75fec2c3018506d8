import { describe, expect, it } from "vitest";
import { ImeGate } from "./ime";

type Step =
  | ["start"] | ["update", string] | ["end", string]
  | ["enter", { isComposing?: boolean; keyCode?: number }]
  | ["task"] | ["wait", number];

/** Plays events on a gate; the field empties on send, and Enter in an empty field does nothing, as in the composer. */
function play(steps: Step[]): { sent: number; decisions: string[] } {
  let time = 0;
  let sent = 0;
  let empty = false;
  const tasks: (() => void)[] = [];
  const send = () => {
    if (!empty) sent++;
    empty = true;
  };
  const gate = new ImeGate(send, () => time, (run) => tasks.push(run));
  const decisions: string[] = [];
  for (const step of steps) {
    if (step[0] === "start") gate.start();
    else if (step[0] === "update") gate.update(step[1]);
    else if (step[0] === "end") gate.end(step[1]);
    else if (step[0] === "wait") time += step[1];
    else if (step[0] === "task") tasks.splice(0).forEach((run) => run());
    else {
      const decision = gate.enter({ isComposing: false, keyCode: 13, ...step[1] });
      decisions.push(decision);
      if (decision === "send") send();
    }
  }
  tasks.splice(0).forEach((run) => run());
  return { sent, decisions };
}

const composingEnter: Step = ["enter", { isComposing: true, keyCode: 229 }];

describe("ImeGate", () => {
  const cases: [string, Step[], number, string[]][] = [
    ["no input method", [["enter", {}]], 1, ["send"]],
    ["Chrome, one keydown", [["start"], ["update", "요"], composingEnter, ["end", "요"], ["task"]], 1, ["later"]],
    ["Chrome, second keydown before the task",
      [["start"], ["update", "요"], composingEnter, ["end", "요"], ["enter", {}], ["task"]], 1, ["later", "send"]],
    ["Chrome, second keydown after the task",
      [["start"], ["update", "요"], composingEnter, ["end", "요"], ["task"], ["enter", {}]], 1, ["later", "send"]],
    ["Safari: compositionend first",
      [["start"], ["update", "요"], ["end", "요"], ["enter", { keyCode: 229 }], ["task"]], 1, ["later"]],
    ["a lone jamo", [["start"], ["update", "ㅋ"], composingEnter, ["end", "ㅋ"]], 1, ["later"]],
    ["several syllables in one composition", [["start"], ["update", "안녕"], composingEnter, ["end", "안녕"]], 1, ["later"]],
    ["Japanese commits, then sends",
      [["start"], ["update", "日本"], composingEnter, ["end", "日本"], ["task"], ["wait", 300], ["enter", {}]], 1, ["ignore", "send"]],
    ["Japanese in Safari", [["start"], ["update", "日本"], ["end", "日本"], ["enter", { keyCode: 229 }]], 0, ["ignore"]],
    ["Pinyin letters", [["start"], ["update", "ni"], composingEnter, ["end", "ni"]], 0, ["ignore"]],
    ["held Enter while composing", [["start"], ["update", "요"], composingEnter, composingEnter, ["end", "요"]], 1, ["later", "later"]],
    ["commit by a space, Enter later", [["start"], ["update", "요"], ["end", "요"], ["wait", 900], ["enter", {}]], 1, ["send"]],
    ["a key 229 long after Hangul is not an Enter of ours", [["start"], ["update", "요"], ["end", "요"], ["wait", 900], ["enter", { keyCode: 229 }]], 0, ["ignore"]],
    ["a commit that never comes", [["start"], ["update", "요"], composingEnter, ["wait", 900], ["end", "요"], ["task"]], 0, ["later"]],
    ["the next syllable starts before the task: it is sent with its own Enter",
      [["start"], ["update", "요"], composingEnter, ["end", "요"], ["start"], ["task"]], 0, ["later"]],
  ];
  for (const [name, steps, sent, decisions] of cases) {
    it(name, () => expect(play(steps)).toEqual({ sent, decisions }));
  }
});
