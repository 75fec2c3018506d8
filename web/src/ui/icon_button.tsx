import { Icon, type IconName } from "./icon";

interface Props {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  disabled?: boolean;
  class?: string;
}

/** A button with an icon alone; its label is read out and shown as a tip. */
export function IconButton({ icon, label, onClick, pressed, disabled, class: name }: Props) {
  return (
    <button
      type="button" class={`icon-button ${name ?? ""}`} aria-label={label} title={label}
      aria-pressed={pressed} disabled={disabled} onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
