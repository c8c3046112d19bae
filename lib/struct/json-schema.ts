import type { NumberName, Shape } from './shape.ts';

type Schema = Readonly<Record<string, unknown>>;

/** The shape as JSON Schema. What JSON has no type for is described as far as that goes. */
export function toJsonSchema(shape: Shape): Schema {
  switch (shape.kind) {
    case 'number': {
      const [least, most] = ranges[shape.as] ?? [];
      return least === undefined ? { type: 'number' } : { type: 'integer', minimum: least, maximum: most };
    }
    case 'big':
      return { type: 'integer', format: shape.as };
    case 'bool':
      return { type: 'boolean' };
    case 'text':
      return { type: 'string' };
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64' };
    case 'any':
      return {};
    case 'enum':
      return { type: 'string', enum: shape.values };
    case 'list':
      return { type: 'array', items: toJsonSchema(shape.of) };
    case 'map':
      return { type: 'object', additionalProperties: toJsonSchema(shape.of) };
    case 'optional':
      return toJsonSchema(shape.of);
    default: {
      const properties = Object.fromEntries(shape.members.map((member) => [member.name, toJsonSchema(member.shape)]));
      const required = shape.members.filter((member) => member.shape.kind !== 'optional').map(({ name }) => name);
      return { type: 'object', properties, required, additionalProperties: false };
    }
  }
}

/** The smallest first. */
const ranges: Readonly<Partial<Record<NumberName, readonly [number, number]>>> = {
  u8: [0, 255],
  i8: [-128, 127],
  u16: [0, 65_535],
  i16: [-32_768, 32_767],
  u32: [0, 4_294_967_295],
  i32: [-2_147_483_648, 2_147_483_647],
};

const anything: Shape = { kind: 'any' };
const mostDepth = 32;

/** Reads one document, whose parts may name each other. */
class SchemaReader {
  readonly #root: unknown;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** What fits the schema fits the shape, too; what no shape says is `any`. */
  shape(given: unknown, depth = 0): Shape {
    const schema = this.#resolve(given);
    if (schema === undefined || depth > mostDepth) return anything;
    const choices = textsOf(schema['enum'] ?? ('const' in schema ? [schema['const']] : this.#constants(schema)));
    if (choices !== undefined) return { kind: 'enum', values: choices };
    if ('enum' in schema || 'const' in schema) return anything;
    switch (schema['type']) {
      case 'boolean':
        return { kind: 'bool' };
      case 'integer':
        return { kind: 'number', as: integerIn(schema['minimum'], schema['maximum']) };
      case 'number':
        return { kind: 'number', as: 'f64' };
      case 'string':
        return { kind: 'text' };
      case 'array':
        return 'prefixItems' in schema || Array.isArray(schema['items'])
          ? anything
          : { kind: 'list', of: this.shape(schema['items'], depth + 1) };
      case 'object':
        return this.#object(schema, depth);
      default:
        return anything;
    }
  }

  #object(schema: Schema, depth: number): Shape {
    const { properties, required, additionalProperties: others, patternProperties: patterns } = schema;
    if (isSchema(properties) && !isSchema(others) && patterns === undefined) {
      const needed = new Set(Array.isArray(required) ? (required as readonly unknown[]) : []);
      const members = Object.entries(properties)
        .filter(([name]) => name !== '__proto__')
        .map(([name, property]) => {
          const shape = this.shape(property, depth + 1);
          return { name, shape: needed.has(name) ? shape : ({ kind: 'optional', of: shape } as const) };
        });
      return { kind: 'struct', members };
    }
    if (properties !== undefined) return anything;
    const values = isSchema(patterns) ? Object.values(patterns) : [others];
    return values.length === 1 ? { kind: 'map', of: this.shape(values[0], depth + 1) } : anything;
  }

  /** The constants that `schema` leaves a choice of; undefined where it says something else. */
  #constants({ anyOf, oneOf }: Schema): unknown {
    const choices: unknown = anyOf ?? oneOf;
    if (!Array.isArray(choices)) return undefined;
    return choices.map((choice) => {
      const schema = this.#resolve(choice);
      return schema?.['const'];
    });
  }

  /** Follows `$ref` within the document. */
  #resolve(given: unknown): Schema | undefined {
    let schema = given;
    for (let steps = 0; steps < mostDepth && isSchema(schema) && typeof schema['$ref'] === 'string'; steps++) {
      const [start, ...path] = schema['$ref'].split('/');
      if (start !== '#') return undefined;
      let found = this.#root;
      for (const step of path) {
        const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
        found = isSchema(found) && Object.hasOwn(found, name) ? found[name] : undefined;
      }
      schema = found;
    }
    return isSchema(schema) && !('$ref' in schema) ? schema : undefined;
  }
}

export function shapeFromJsonSchema(schema: unknown): Shape {
  return new SchemaReader(schema).shape(schema);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The texts that are all there may be; undefined for others, and for more than a place has a number for. */
function textsOf(values: unknown): readonly string[] | undefined {
  if (!Array.isArray(values) || values.length === 0 || values.length > 65_536) return undefined;
  if (!values.every((value): value is string => typeof value === 'string')) return undefined;
  return [...new Set(values)];
}

/** The smallest kind that has all numbers of a range. */
function integerIn(minimum: unknown, maximum: unknown): NumberName {
  if (typeof minimum !== 'number' || typeof maximum !== 'number') return 'f64';
  const found = Object.entries(ranges).find(([, [least, most]]) => minimum >= least && maximum <= most);
  return (found?.[0] as NumberName | undefined) ?? 'f64';
}
