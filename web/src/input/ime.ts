// When does Enter send? With an input method it may first have to commit what is being composed.
//
// The last Hangul syllable is composing until something commits it, so a Korean writer presses Enter once and means
// "send". A Japanese or Chinese writer's first Enter only chooses a candidate. Browsers tell it in different orders:
//   Chrome, Firefox   keydown (isComposing, keyCode 229), compositionend, on some systems a second keydown (keyCode 13)
//   Safari            compositionend, keydown (not composing, keyCode 229)
// So an Enter that commits Hangul asks for a send, which happens once, in a task after the syllable is in the field.

export interface EnterKey {
  isComposing: boolean;
  keyCode: number;
}

/** send: now. later: the field sends by itself after the commit, leave the key alone. ignore: the key is the input method's. */
export type Decision = "send" | "later" | "ignore";

const hangul = /^[\u1100-\u11FF\u3130-\u318F\uA960-\uA97F\uAC00-\uD7FF\uFFA0-\uFFDC]+$/u;
const safariGap = 60; // ms between Safari's compositionend and the keydown that caused it
const commitWait = 500; // ms after which a commit that never came no longer sends

export class ImeGate {
  private composing = false;
  private text = "";
  private endedAt = -Infinity;
  private wantedAt = -Infinity;

  /** `send` is called in a task of its own, after the field holds the committed text. */
  constructor(
    private readonly send: () => void,
    private readonly now: () => number = () => performance.now(),
    private readonly task: (run: () => void) => void = (run) => void setTimeout(run, 0),
  ) {}

  /** True while the field's value must not be rewritten. */
  get busy(): boolean {
    return this.composing;
  }

  /** True between an Enter and the send that it asked for: a line break that comes now belongs to that Enter. */
  get pending(): boolean {
    return this.now() - this.wantedAt < commitWait;
  }

  start(): void {
    this.composing = true;
    this.text = "";
  }

  update(data: string): void {
    this.composing = true;
    this.text = data;
  }

  end(data: string): void {
    this.composing = false;
    if (data !== "") this.text = data;
    this.endedAt = this.now();
    if (this.pending) this.task(() => this.sendWanted());
  }

  enter(key: EnterKey): Decision {
    const byHangul = hangul.test(this.text);
    if (this.composing || key.isComposing) {
      if (!byHangul) return "ignore";
      this.wantedAt = this.now();
      return "later";
    }
    if (key.keyCode === 229) {
      if (!byHangul || this.now() - this.endedAt > safariGap) return "ignore";
      this.wantedAt = this.now();
      this.task(() => this.sendWanted());
      return "later";
    }
    this.wantedAt = -Infinity; // the second keydown sends; the task then finds nothing to do
    return "send";
  }

  private sendWanted(): void {
    if (!this.pending || this.composing) return;
    this.wantedAt = -Infinity;
    this.send();
  }
}
