import { useEffect, useState } from "preact/hooks";
import { getJson } from "../api/http";
import { bytes, duration, number, t } from "../i18n/i18n";
import type { Key } from "../i18n/messages";
import { report } from "../state/connection";
import { DialogFrame } from "./dialog";

/** GET /status; every part may be missing. */
interface Status {
  version?: string;
  model?: string;
  uptime_s?: number;
  queue?: { waiting: number; limit: number } | null;
  slots?: { used: number; total: number } | null;
  requests?: { finished: number; failed: number; cancelled: number } | null;
  cache?: { tokens_used: number; tokens_total: number; hit_rate: number | null } | null;
  speed?: { prompt_tokens_per_second: number | null; tokens_per_second: number | null } | null;
  memory?: { rss_bytes: number | null; available_bytes: number | null; total_bytes: number | null } | null;
}

const share = (used: number, total: number) => t("status.of", { used, total });
const speed = (v: number | null | undefined) => (v == null ? null : t("stats.speed", { speed: number(v, 1) }));

function rows(s: Status): [Key, string | null][] {
  const { queue, slots, requests: r, cache, memory } = s;
  return [
    ["status.model", s.model ?? null],
    ["status.version", s.version ?? null],
    ["status.uptime", s.uptime_s === undefined ? null : duration(s.uptime_s * 1000)],
    ["status.slots", slots ? share(slots.used, slots.total) : null],
    ["status.queue", queue ? share(queue.waiting, queue.limit) : null],
    ["status.requests", r ? `${number(r.finished)} / ${number(r.failed)} / ${number(r.cancelled)}` : null],
    ["status.cache", cache ? share(cache.tokens_used, cache.tokens_total) : null],
    ["status.hits", cache?.hit_rate == null ? null : `${number(cache.hit_rate * 100, 1)} %`],
    ["status.prompt", speed(s.speed?.prompt_tokens_per_second)],
    ["status.speed", speed(s.speed?.tokens_per_second)],
    ["status.memory", memory?.rss_bytes == null ? null : bytes(memory.rss_bytes)],
    ["status.free", memory?.available_bytes == null ? null
      : memory.total_bytes == null ? bytes(memory.available_bytes)
      : t("status.of", { used: bytes(memory.available_bytes), total: bytes(memory.total_bytes) })],
  ];
}

const pause = 2000; // ms between two looks

export function StatusDialog() {
  const [status, setStatus] = useState<Status | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let gone = false;
    const look = async () => {
      try {
        const got = await getJson<Status>("/status");
        if (!gone) (setStatus(got), setFailed(false));
      } catch (e) {
        report(e);
        if (!gone) setFailed(true);
      }
      if (!gone) timer = setTimeout(() => void look(), pause);
    };
    void look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);
  return (
    <DialogFrame title={t("status.title")}>
      {failed && <p role="alert" class="error">{t("status.failed")}</p>}
      {status && (
        <dl class="figures">
          {rows(status).map(([key, value]) => (
            <div key={key}><dt>{t(key)}</dt><dd>{value ?? t("status.unknown")}</dd></div>
          ))}
        </dl>
      )}
    </DialogFrame>
  );
}
