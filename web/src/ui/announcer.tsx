import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { current } from "../state/answers";
import { announce, announcement, finishedSentences } from "../state/announce";
import { messages, path } from "../state/conversation";

/** Reads an answer out sentence by sentence while it is written. The log itself is silent: it changes with each token. */
export function Announcer() {
  const id = current.value;
  const text = id === null ? null : (messages.value.get(id)?.content ?? "");
  const said = useRef({ id: "", end: 0 });
  useEffect(() => {
    if (id === null) {
      if (said.current.id !== "") {
        const rest = (messages.peek().get(said.current.id)?.content ?? "").slice(said.current.end);
        const over = path.peek().some((m) => m.id === said.current.id);
        if (over) announce(`${finishedSentences(rest + "\n", 0).said} ${t("answer.done")}`);
        said.current = { id: "", end: 0 };
      }
      return;
    }
    if (said.current.id !== id) {
      said.current = { id, end: text?.length ?? 0 };
      announce(t("answer.writing"));
    }
    const next = finishedSentences(text ?? "", said.current.end);
    if (next.said !== "") announce(next.said);
    said.current.end = next.end;
  }, [id, text]);
  return <div class="off-screen" role="status" aria-live="polite">{announcement.value}</div>;
}
