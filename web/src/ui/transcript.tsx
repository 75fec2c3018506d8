import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { config } from "../state/config";
import { header, loadError, loading, messages, path } from "../state/conversation";
import { AnswerMessage } from "./answer_message";
import { IconButton } from "./icon_button";
import { QuestionMessage } from "./question_message";
import { start as startAgain } from "../state/reload";

const near = 80; // pixels from the end that still count as the end

/** The messages of the branch on the screen. It follows the answer only while its reader is at the end. */
export function Transcript() {
  const place = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const follow = useRef(true);
  const shown = path.value;
  const end = () => place.current?.scrollTo({ top: place.current.scrollHeight });
  useLayoutEffect(() => {
    if (follow.current) end();
  }, [shown, messages.value]);
  useEffect(() => {
    follow.current = true;
    end();
  }, [header.value.id, shown.length]);
  const onScroll = () => {
    const p = place.current!;
    follow.current = p.scrollHeight - p.scrollTop - p.clientHeight < near;
    setAtEnd(follow.current);
  };
  return (
    <div class="scroll">
      <div class="transcript" ref={place} onScroll={onScroll} role="log" aria-live="off" aria-label={t("chat.log")} tabIndex={0}>
        {loading.value && <p class="note">{t("conversation.loading")}</p>}
        {loadError.value !== null && (
          <p class="note" role="alert">
            {t(`conversation.${loadError.value}`)}{" "}
            {loadError.value === "lost" && <button type="button" onClick={startAgain}>{t("answer.again")}</button>}
          </p>
        )}
        {shown.length === 0 && !loading.value && loadError.value === null && <Welcome />}
        {shown.map((m) => (m.role === "user" ? <QuestionMessage key={m.id} message={m} /> : <AnswerMessage key={m.id} message={m} />))}
      </div>
      {!atEnd && <IconButton icon="bottom" label={t("chat.bottom")} class="to-end" onClick={() => ((follow.current = true), end())} />}
    </div>
  );
}

function Welcome() {
  return (
    <div class="welcome">
      <h2>{t("app.welcome")}</h2>
      <p>{t("app.welcome.note")}</p>
      {config.value.storage === "browser" && <p>{t("app.welcome.browser")}</p>}
    </div>
  );
}
