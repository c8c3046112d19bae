import { BusError } from '../../../base/errors.ts';
import { BytesInput, BytesOutput } from '../../channels/internal.ts';
import { type JointType, jointType } from './joint-type.ts';

/** A procedure and the types of its arguments, such as `['message', 'string', 'bool']`. */
export type JointProcedure = readonly [name: string, ...types: string[]];

interface Procedure {
  readonly name: string;
  readonly types: readonly JointType[];
}

const maxProcedures = 256;

/** The procedures of a remote object of joint peers, in the order in which both sides number them. */
export class JointSignature {
  readonly #procedures: readonly Procedure[];
  readonly #numbers = new Map<string, number>();

  /** @throws BusError `ERR_INVALID_ARGUMENT` for a type or a number of procedures that joint peers do not know. */
  constructor(procedures: readonly JointProcedure[]) {
    if (procedures.length > maxProcedures) {
      throw new BusError('ERR_INVALID_ARGUMENT', `A joint object has at most ${maxProcedures} procedures`);
    }
    this.#procedures = procedures.map(([name, ...types]) => ({ name, types: types.map(jointType) }));
    for (const [number, { name }] of this.#procedures.entries()) this.#numbers.set(name, number);
  }

  /** The chunk of a call. @throws BusError `ERR_NO_METHOD` or `ERR_INVALID_ARGUMENT`. */
  write(remote: number, name: string, args: readonly unknown[]): Uint8Array {
    const number = this.#numbers.get(name);
    const procedure = number === undefined ? undefined : this.#procedures[number];
    if (number === undefined || procedure === undefined) {
      throw new BusError('ERR_NO_METHOD', `The joint signature has no procedure "${name}"`);
    }
    if (args.length !== procedure.types.length) {
      throw new BusError(
        'ERR_INVALID_ARGUMENT',
        `"${name}" takes ${procedure.types.length} arguments, not ${args.length}`,
      );
    }
    const output = new BytesOutput();
    output.writeByte(remote);
    output.writeByte(number);
    for (const [index, type] of procedure.types.entries()) type.write(output, args[index]);
    return output.getBytes();
  }

  /** What follows the object's id in the chunk of a call. @throws BusError `ERR_PROTOCOL`. */
  read(bytes: Uint8Array): { readonly name: string; readonly args: readonly unknown[] } {
    const input = new BytesInput(bytes);
    const number = input.readByte();
    const procedure = this.#procedures[number];
    if (procedure === undefined) throw new BusError('ERR_PROTOCOL', `There is no procedure ${number}`);
    const args = procedure.types.map((type) => type.read(input));
    if (input.bytesLeft > 0) throw new BusError('ERR_PROTOCOL', `${input.bytesLeft} bytes follow the call`);
    return { name: procedure.name, args };
  }
}
