// Line icons on a grid of 24, drawn here; they follow the text colour and are silent for screen readers.
const paths = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h16",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  gear: "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5v5M8 13.5v5",
  pulse: "M3 12h4l3-7 4 14 3-7h4",
  keyboard: "M3 7h18v10H3zM7 10.5h.01M11 10.5h.01M15 10.5h.01M8 14h8",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1M12 20v1M3 12h1M20 12h1M5.6 5.6l.8.8M17.6 17.6l.8.8M18.4 5.6l-.8.8M6.4 17.6l-.8.8",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  clip: "M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.700 4.700L9.700 17.200a1.600 1.600 0 0 1-2.300-2.300L15 7.500",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 12.500l4.500 4.500L19 7.500",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  again: "M19 12a7 7 0 1 1-2-5M19 4v4h-4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  up: "M7 11l4-7c2 0 2.500 1.500 2 3l-.5 2.500H18a2 2 0 0 1 2 2.500l-1.500 6A2 2 0 0 1 16.500 19.500H7M3.500 11H7v8.500H3.500z",
  down: "M7 13l4 7c2 0 2.500-1.500 2-3l-.5-2.500H18a2 2 0 0 0 2-2.500l-1.500-6A2 2 0 0 0 16.500 4.500H7M3.500 13H7V4.500H3.500z",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  bottom: "M12 5v14M6 13l6 6 6-6",
  play: "M8 5l11 7-11 7z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
