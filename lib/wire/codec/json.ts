import { misfit } from './misfit.ts';

/**
 * The text of `data`, `undefined` where JSON has none, without the keys `__proto__`. Shared memory would be written as `{}`, so data is looked
 * through where that stands. Throws what `JSON.stringify` does, and a TypeError for shared memory.
 */
export function toJson(data: unknown): string | undefined {
  const written: string | undefined = JSON.stringify(data);
  const text = written?.includes('"__proto__":') === true ? JSON.stringify(parseJson(written)) : written;
  const reason = text?.includes('{}') === true ? misfit(data, true) : undefined;
  if (reason !== undefined) throw new TypeError(reason);
  return text;
}

/** Whether `text` may have keys `__proto__`, which could be written with escapes. */
export function mayHoldProto(text: string): boolean {
  return text.includes('__proto__') || (text.includes('\\u00') && /\\u00[5-7]/.test(text));
}

/** What `text` says, without the keys `__proto__`. Throws a SyntaxError. */
export function parseJson(text: string, mayHold = mayHoldProto(text)): unknown {
  return mayHold ? JSON.parse(text, withoutProto) : JSON.parse(text);
}

function withoutProto(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}
