import { shorten } from '../../base/fingerprint.ts';
import type { StandardSchema } from '../../base/standard-schema.ts';

/** What a method takes: one schema for its only argument, or one for each; and what it returns. */
export interface MethodSchema {
  readonly input?: StandardSchema | readonly StandardSchema[] | undefined;
  readonly output?: StandardSchema | undefined;
}

export type ContractSchema = Readonly<Record<string, MethodSchema>>;

const maxDepth = 12;

/** By method name: what its schema looks like, '' for one without. */
export type Fingerprints = Readonly<Record<string, string>>;

export function fingerprints(methods: Iterable<string>, schema: ContractSchema): Fingerprints {
  const prints: Record<string, string> = {};
  for (const name of [...methods].sort()) {
    const method = Object.hasOwn(schema, name) ? schema[name] : undefined;
    prints[name] = method === undefined ? '' : shorten(describeMethod(method));
  }
  return prints;
}

export function contractHash(prints: Fingerprints): string {
  return shorten(JSON.stringify(Object.entries(prints).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** What the caller counts on and the offer does not have, as a sentence; undefined if there is nothing. */
export function disagreement(wanted: Fingerprints, offered: Fingerprints): string | undefined {
  const missing: string[] = [];
  const changed: string[] = [];
  for (const [name, print] of Object.entries(wanted)) {
    const own = Object.hasOwn(offered, name) ? offered[name] : undefined;
    if (own === undefined) missing.push(name);
    else if (own !== print && own !== '' && print !== '') changed.push(name);
  }
  if (missing.length + changed.length === 0) return undefined;
  const parts = [
    missing.length > 0 ? `missing: ${missing.join(', ')}` : '',
    changed.length > 0 ? `changed: ${changed.join(', ')}` : '',
  ];
  return `The remote object is not the one that this end expects; ${parts.filter((part) => part !== '').join('; ')}`;
}

function describeMethod({ input, output }: MethodSchema): string {
  const inputs: readonly (StandardSchema | undefined)[] = Array.isArray(input) ? input : [input];
  return JSON.stringify([inputs.map((schema) => shapeOf(schema, 'input')), shapeOf(output, 'output')]);
}

/** What the schema says of itself as JSON Schema, if it can, else what can be seen of it. */
function shapeOf(schema: StandardSchema | undefined, side: 'input' | 'output'): unknown {
  try {
    const converted = schema?.['~standard'].jsonSchema?.[side]({ target: 'draft-2020-12' });
    if (converted !== undefined) return converted;
  } catch {
    // Some schemas have no counterpart in JSON Schema.
  }
  return describe(schema, 0);
}

/**
 * The shape of a schema as plain data: what it says of itself as JSON where it does, else its own data members. Functions
 * say nothing, so that two copies of the same schema look alike.
 */
function describe(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (value instanceof RegExp) return String(value);
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return value;
  if (depth >= maxDepth) return '…';
  if ('~standard' in value && 'json' in value && typeof value.json === 'object') return value.json;
  if (typeof value === 'function') return '()';
  if (Array.isArray(value)) return value.map((item) => describe(item, depth + 1));
  const described: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (typeof member !== 'function' || '~standard' in member) described[key] = describe(member, depth + 1);
  }
  return described;
}
