import type { SchemaIssue, StandardSchema } from '../../base/standard-schema.ts';
import { BusError } from '../../base/errors.ts';
import type { CallContext, CallRequest } from './call-context.ts';
import { contractHash, type ContractSchema, fingerprints, type Fingerprints, type MethodSchema } from './contract.ts';
import { endStreamsIn } from './exported-stream.ts';

type Method = (...args: readonly unknown[]) => unknown;

interface Offered {
  readonly method: Method;
  readonly checks: MethodSchema | undefined;
}

export interface OfferOptions {
  /** Methods of the object's class that are offered too. */
  readonly methods?: readonly string[] | undefined;
  readonly schema?: ContractSchema | undefined;
  /** Whether methods get the context of their call, behind the arguments that were sent. */
  readonly context?: boolean | undefined;
}

/** What the peer can call, and as what it is compared with what that counts on. */
export interface Callee {
  readonly prints: Fingerprints;
  readonly hash: string;
  /** Throws or rejects with what the caller is to get. */
  call(name: unknown, args: readonly unknown[], request: CallRequest): unknown;
}

/**
 * What of an object the peer can reach: its own functions and the methods named, fixed when it is offered. Names
 * are looked up in a map, so nothing is reached that was not put there.
 */
export class Offer implements Callee {
  readonly prints: Fingerprints;
  readonly hash: string;
  readonly #object: object;
  readonly #withContext: boolean;
  readonly #methods = new Map<string, Offered>();

  /** @throws BusError `ERR_INVALID_ARGUMENT` for a method that the object has not, or that is every object's. */
  constructor(object: object, { methods = [], schema = {}, context = false }: OfferOptions) {
    this.#object = object;
    this.#withContext = context;
    const offer = (name: string, method: Method): void => {
      this.#methods.set(name, { method, checks: Object.hasOwn(schema, name) ? schema[name] : undefined });
    };
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      if (typeof value === 'function' && !isEveryObjects(name)) offer(name, value);
    }
    for (const name of methods) offer(name, namedMethod(object, name));
    for (const name of Object.keys(schema)) {
      if (!this.#methods.has(name))
        throw new BusError('ERR_INVALID_ARGUMENT', `The schema names "${name}", which is not offered`);
    }
    this.prints = fingerprints(this.#methods.keys(), schema);
    this.hash = contractHash(this.prints);
  }

  /**
   * Calls a method. Throws or rejects with `ERR_NO_METHOD`, `ERR_INVALID_ARGUMENT` when the schema refuses the arguments,
   * `ERR_REMOTE` when it refuses the result, or what the method throws.
   */
  call(name: unknown, args: readonly unknown[], context: CallContext): unknown {
    const offered = typeof name === 'string' ? this.#methods.get(name) : undefined;
    if (offered === undefined) throw new BusError('ERR_NO_METHOD', `There is no remote method "${String(name)}"`);
    const { checks } = offered;
    if (checks === undefined) {
      return Reflect.apply(offered.method, this.#object, this.#withContext ? [...args, context] : args);
    }
    const method: Method = this.#withContext
      ? (...given) => Reflect.apply(offered.method, this.#object, [...given, context])
      : offered.method;
    return this.#checkedCall(String(name), method, args, checks.input, checks.output);
  }

  async #checkedCall(
    name: string,
    method: Method,
    args: readonly unknown[],
    input: StandardSchema | readonly StandardSchema[] | undefined,
    output: StandardSchema | undefined,
  ): Promise<unknown> {
    const checked = input === undefined ? args : await checkArguments(name, args, input);
    const result: unknown = await method.apply(this.#object, [...checked]);
    if (output === undefined) return result;
    const outcome = await output['~standard'].validate(result);
    if (outcome.issues === undefined) return outcome.value;
    endStreamsIn(result);
    throw new BusError('ERR_REMOTE', `"${name}" returned a value that its schema rejects: ${sentence(outcome.issues)}`);
  }
}

async function checkArguments(
  name: string,
  args: readonly unknown[],
  input: StandardSchema | readonly StandardSchema[],
): Promise<unknown[]> {
  const schemas: readonly StandardSchema[] = isList(input) ? input : [input];
  if (args.length > schemas.length) {
    throw new BusError('ERR_INVALID_ARGUMENT', `"${name}" takes ${schemas.length} arguments, not ${args.length}`);
  }
  const checked: unknown[] = [];
  for (const [index, schema] of schemas.entries()) {
    const outcome = await schema['~standard'].validate(args[index]);
    if (outcome.issues !== undefined) {
      throw new BusError('ERR_INVALID_ARGUMENT', `Argument ${index + 1} of "${name}": ${sentence(outcome.issues)}`, {
        details: outcome.issues.map(({ message, path }) => ({ message, path: path?.map(keyOf) ?? [] })),
      });
    }
    checked.push(outcome.value);
  }
  return checked;
}

function isList(input: StandardSchema | readonly StandardSchema[]): input is readonly StandardSchema[] {
  return Array.isArray(input);
}

function sentence(issues: readonly SchemaIssue[]): string {
  return issues
    .map(({ message, path }) => (path === undefined ? message : `${path.map(keyOf).join('.')}: ${message}`))
    .join('; ');
}

function keyOf(part: PropertyKey | { readonly key: PropertyKey }): string {
  return String(typeof part === 'object' ? part.key : part);
}

/** `constructor`, `toString` and whatever else every object has; not even an own function of that name is offered. */
function isEveryObjects(name: string): boolean {
  return name === '__proto__' || name in Object.prototype;
}

function namedMethod(object: object, name: string): Method {
  if (isEveryObjects(name)) throw new BusError('ERR_INVALID_ARGUMENT', `"${name}" cannot be offered`);
  for (let holder: unknown = object; typeof holder === 'object' && holder !== null && holder !== Object.prototype; ) {
    const value: unknown = Object.getOwnPropertyDescriptor(holder, name)?.value;
    if (typeof value === 'function') return value as Method;
    holder = Object.getPrototypeOf(holder);
  }
  throw new BusError('ERR_INVALID_ARGUMENT', `The object has no method "${name}" to offer`);
}
