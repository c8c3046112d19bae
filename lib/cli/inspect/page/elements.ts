/** The element of the page with this id. */
export function find<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no ${id}`);
  return found as Kind;
}

/** What shows as nothing, or changes what is around it. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** What others chose, as letters that can be seen. */
export const visible = (text: string): string => text.replace(unprintable, '\uFFFD');

/** Text alone: what others chose is never markup. */
export function element(tag: string, kind = '', text = ''): HTMLElement {
  const made = document.createElement(tag);
  if (kind !== '') made.className = kind;
  made.textContent = visible(text);
  return made;
}

export const cell = (text: string, kind = ''): HTMLElement => element('td', kind, text);

/** Gives a table its heads; those of numbers begin with `#`. */
export function table(id: string, heads: readonly string[]): void {
  const row = element('tr');
  for (const head of heads)
    row.append(head.startsWith('#') ? element('th', 'number', head.slice(1)) : element('th', '', head));
  find(id).querySelector('thead')?.append(row);
}

const steps = ['', 'k', 'M', 'G', 'T'];

/** Of the day, here, to the millisecond. */
export function timeOf(at: number): string {
  const time = new Date(at);
  const two = (part: number): string => String(part).padStart(2, '0');
  const milliseconds = String(time.getMilliseconds()).padStart(3, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${milliseconds}`;
}

/** Three digits, and the unit behind a space. */
export function shortOf(value: number, unit = ''): string {
  let [left, step] = [value, 0];
  while (left >= 999.5 && step < steps.length - 1) {
    left /= 1_000;
    step += 1;
  }
  const digits = (Number.isInteger(left) && step === 0) || left >= 99.5 ? 0 : left >= 9.95 ? 0 : 1;
  return `${left.toFixed(digits)}${unit === '' ? '' : '\u00A0'}${steps[step]}${unit}`;
}
