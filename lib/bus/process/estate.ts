import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { BusError } from '../../base/errors.ts';
import { codeOf } from '../../base/thrown.ts';
import { type Address, maxUnixPathBytes, resolveAddress } from '../../transport/address.ts';
import type { Listener } from '../../transport/link.ts';
import { Client } from '../client/client.ts';
import { nodeClientPlatform, nodeServerPlatform } from '../node-platform.ts';
import type { ServerPlatform } from '../platform.ts';
import { Server } from '../server/server.ts';

const suffix = '.state';
const mebibyte = 1_048_576;
/** Of what changes hands, and a little more for what carries it. */
const mostBytes = 16 * mebibyte;
const mostMessageBytes = mostBytes + 1_024;

/** What a server at a socket path leaves to the one that takes it over, by a socket beside it that is its owner's alone. */
export class Estate {
  /** What the predecessor left; undefined if there was none, or none that left anything. */
  inherited: unknown;
  /** `platform`, for the server that this is of. */
  readonly platform: ServerPlatform;
  #address: Address | undefined;
  #timeoutMs = 0;
  #give: (() => unknown) | undefined;

  constructor(platform: ServerPlatform) {
    this.platform = {
      ...platform,
      listener: (options) => {
        const listen = platform.listener(options);
        this.#address = resolveAddress(options);
        this.#timeoutMs = options.handshakeTimeoutMs;
        return async (takeover, events) => {
          this.inherited = takeover ? await this.#inherit() : undefined;
          return this.#leaveBeside(await listen(takeover, events));
        };
      },
    };
  }

  /**
   * From the next start on, gives what `give` makes.
   * @throws BusError `ERR_STATE` for an address that no server takes over, `ERR_TOO_LARGE` for a path without room.
   */
  leave(give: () => unknown): void {
    const { kind } = this.#address ?? {};
    if (kind !== 'unix') {
      throw new BusError('ERR_STATE', `Only a server at a socket path can be taken over, not one at a ${kind} address`);
    }
    if (Buffer.byteLength(this.#path ?? '') > maxUnixPathBytes) {
      throw new BusError('ERR_TOO_LARGE', `The path of the server leaves no room for ${suffix}`);
    }
    this.#give = give;
  }

  get #path(): string | undefined {
    return this.#address?.kind === 'unix' ? `${this.#address.path}${suffix}` : undefined;
  }

  /** Rejects with what kept the predecessor from giving what it has. */
  async #inherit(): Promise<unknown> {
    const path = this.#path;
    if (path === undefined || !(await isOwn(path))) return undefined;
    const options = { path, retries: 0, reconnect: false, maxMessageBytes: mostMessageBytes };
    const client = new Client(options, nodeClientPlatform, false);
    try {
      await client.connect(undefined, { timeout: this.#timeoutMs });
      return await client.request(undefined, this.#timeoutMs);
    } catch (error) {
      // A file that one who was killed left behind.
      if (error instanceof BusError && codeOf(error.cause) === 'ECONNREFUSED') return undefined;
      throw error;
    } finally {
      client.destroy();
    }
  }

  async #leaveBeside(listener: Listener): Promise<Listener> {
    const path = this.#path;
    const give = this.#give;
    if (path === undefined || give === undefined) return listener;
    const limits = { max: 8, maxUnackedBytes: 2 * mostMessageBytes };
    const server = new Server({ path, ...limits }, nodeServerPlatform, false).handle(() => give());
    try {
      // Whoever has a path has what is beside it.
      await server.start({ takeover: true });
    } catch (error) {
      await listener.close();
      throw error;
    }
    return {
      address: listener.address,
      port: listener.port,
      get server() {
        return listener.server;
      },
      close: async () => {
        await Promise.all([listener.close(), server.close()]);
      },
    };
  }
}

/**
 * Whether nobody but this user and root can have put a socket there: it is theirs, and so is its folder, where others may at most
 * add files.
 */
async function isOwn(path: string): Promise<boolean> {
  try {
    const [file, folder] = await Promise.all([lstat(path), lstat(dirname(path))]);
    const isOurs = (uid: number): boolean => uid === 0 || uid === process.geteuid?.();
    const isShared = (folder.mode & 0o022) !== 0 && (folder.mode & 0o1000) === 0;
    return file.isSocket() && isOurs(file.uid) && isOurs(folder.uid) && !isShared;
  } catch {
    return false;
  }
}
