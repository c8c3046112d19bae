import type { Socket } from 'node:net';
import { endianness } from 'node:os';
import process from 'node:process';
import type { PeerCredentials } from './link.ts';

/** What of `node:ffi`, which is experimental, is used. */
interface ForeignFunctions {
  dlopen(
    name: string | null,
    functions: object,
  ): {
    readonly functions: { getsockopt(fd: number, level: number, name: number, value: Buffer, size: Buffer): number };
  };
}

type GetSocketOption = ReturnType<ForeignFunctions['dlopen']>['functions']['getsockopt'];

const socketLevel = 1;
const peerCredentials = 17;
/** Where the two numbers are these. */
const architectures = ['x64', 'arm64', 'arm', 'ia32', 'riscv64', 's390x', 'loong64'];
/** pid, uid and gid, of 32 bits each. */
const credentialsBytes = 12;
const uidAt = 4;
const gidAt = 8;

/** Asks the kernel who connected, where this runtime can: Linux, Node from 26 on. */
export class KernelCredentials {
  /** Loaded when it is first asked for, since the platform warns that it is experimental. */
  #getSocketOption: GetSocketOption | undefined;
  #isAsked = false;

  /** Who connected the accepted socket at the peer of `socket`; undefined where that cannot be asked. */
  of(socket: Socket | undefined): PeerCredentials | undefined {
    const { fd } = (socket as unknown as { _handle?: { fd?: number } } | undefined)?._handle ?? {};
    if (fd === undefined || fd < 0) return undefined;
    const ask = this.#ask();
    if (ask === undefined) return undefined;
    const found = Buffer.alloc(credentialsBytes);
    const size = Buffer.alloc(4);
    const isLittle = endianness() === 'LE';
    if (isLittle) size.writeUInt32LE(credentialsBytes);
    else size.writeUInt32BE(credentialsBytes);
    if (ask(fd, socketLevel, peerCredentials, found, size) !== 0) return undefined;
    const read = (at: number): number => (isLittle ? found.readUInt32LE(at) : found.readUInt32BE(at));
    return { uid: read(uidAt), gid: read(gidAt), pid: read(0), by: 'kernel' };
  }

  #ask(): GetSocketOption | undefined {
    if (!this.#isAsked) this.#getSocketOption = load();
    this.#isAsked = true;
    return this.#getSocketOption;
  }
}

function load(): GetSocketOption | undefined {
  if (process.platform !== 'linux' || !architectures.includes(process.arch)) return undefined;
  try {
    const foreign = process.getBuiltinModule('node:ffi') as unknown as ForeignFunctions | undefined;
    const types = { arguments: ['i32', 'i32', 'i32', 'buffer', 'buffer'], return: 'i32' };
    return foreign?.dlopen(null, { getsockopt: types }).functions.getsockopt;
  } catch {
    // Not permitted, or another interface by now.
    return undefined;
  }
}
