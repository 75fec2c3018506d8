import { bytes, t } from "../i18n/i18n";
import { encodings, type Encoding } from "../input/decode";
import { changeEncoding, fileError, files, removeFile } from "../state/files";
import { IconButton } from "./icon_button";

export function FileChips() {
  if (files.value.length === 0 && fileError.value === null) return null;
  return (
    <div class="chips">
      {files.value.map((f, i) => (
        <div class="chip" key={i} title={f.text.slice(0, 300)}>
          <span class="name">{f.name}</span> <span class="note">{bytes(f.bytes)}</span>
          <select
            aria-label={t("file.encoding", { name: f.name })} value={f.encoding}
            onChange={(e) => changeEncoding(i, e.currentTarget.value as Encoding)}
          >
            {encodings.map((e) => <option key={e} value={e}>{e === "euc-kr" ? "EUC-KR / CP949" : e}</option>)}
          </select>
          <IconButton icon="close" label={t("file.remove", { name: f.name })} onClick={() => removeFile(i)} />
        </div>
      ))}
      {fileError.value !== null && <p class="error" role="alert">{fileError.value}</p>}
    </div>
  );
}
