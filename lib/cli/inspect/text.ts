import stringWidth from 'string-width';
import { line } from '../../base/printable.ts';

/** As wide as `width` columns of a terminal: cut, or with spaces behind it or before it. */
export function fit(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const shown = cut(line(text), width);
  const space = ' '.repeat(Math.max(0, width - stringWidth(shown)));
  return side === 'left' ? shown + space : space + shown;
}

/** No wider than `width` columns. */
export function cut(text: string, width: number): string {
  // Beyond what could fit, nothing is looked at.
  const some = text.slice(0, width * 4 + 16);
  if (some.length === text.length && stringWidth(some) <= width) return some;
  let [shown, used] = ['', 0];
  for (const character of some) {
    const wide = stringWidth(character);
    if (used + wide > width - 1) break;
    shown += character;
    used += wide;
  }
  return width <= 0 ? '' : `${shown}…`;
}

const steps = ['', 'k', 'M', 'G', 'T'];

/** At most four characters and a unit: 0.3, 12, 1.2k, 123M. */
export function short(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  let [left, step] = [value, 0];
  while (left >= 999.5 && step < steps.length - 1) {
    left /= 1_000;
    step += 1;
  }
  const isWhole = Number.isInteger(left) && step === 0;
  return `${isWhole || left >= 99.5 ? left.toFixed(0) : left.toFixed(left >= 9.95 ? 0 : 1)}${steps[step]}`;
}

/** The two largest units of a time. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ];
  for (const [index, [unit, size]] of units.entries()) {
    if (seconds < size) continue;
    const [smaller, smallerSize] = units[index + 1] ?? ['s', 1];
    return `${Math.floor(seconds / size)}${unit} ${Math.floor((seconds % size) / smallerSize)}${smaller}`;
  }
  return `${seconds}s`;
}
