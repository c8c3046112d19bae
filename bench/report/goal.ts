import { short } from './numbers.ts';

/** One goal of the project and how far it is reached; undefined figures were not measured. */
export interface Goal {
  readonly name: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean | undefined;
}

/** At least so large a part of a whole. */
export function share(name: string, wanted: string, atLeast: number, part?: number, whole?: number): Goal {
  if (part === undefined || whole === undefined) return { name, wanted, measured: '', met: undefined };
  const found = part / whole;
  return { name, wanted, measured: `${Math.round(found * 100)} %`, met: found >= atLeast };
}

export function atMost(name: string, wanted: string, limit: number, value?: number, unit = 'x'): Goal {
  if (value === undefined || Number.isNaN(value)) return { name, wanted, measured: '', met: undefined };
  return { name, wanted, measured: `${short(value)} ${unit}`, met: value <= limit };
}

export function over(a?: number, b?: number): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}
