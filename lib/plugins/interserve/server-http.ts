import type { IncomingMessage, ServerResponse } from 'node:http';
import proxyAddress from 'proxy-addr';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/text-of.ts';
import { acceptUpload, tellOffset } from './http/accept-upload.ts';
import { answerFailure } from './http/answer.ts';
import { Door, type DoorOptions, plainAddress } from './http/door.ts';
import { serveDownload } from './http/serve-download.ts';
import { transferError } from './outcomes.ts';
import type { ServerCore } from './server-core.ts';
import type { Uploads } from './uploads.ts';

/** Brings requests to their transfers. */
export class ServerHttp {
  readonly #core: ServerCore;
  readonly #uploads: Uploads;
  readonly #door: Door;

  /** Throws `ERR_INVALID_OPTION` for proxies that are neither addresses nor subnets. */
  constructor(core: ServerCore, uploads: Uploads, known: DoorOptions['known']) {
    this.#core = core;
    this.#uploads = uploads;
    const trust = trustOf(core.options.trusted);
    this.#door = new Door({
      endpoints: core.endpoints,
      accounts: core.accounts,
      ledger: core.ledger,
      bindAddress: core.options.bindAddress,
      addressOf: (request) => proxyAddress(request, trust),
      interruptOf: (id) => core.registry.interruptOf(id),
      known,
    });
  }

  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    response.on('error', () => response.destroy());
    this.#serve(request, response, expectsContinue).catch((error: unknown) => answerFailure(response, error));
  }

  async #serve(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): Promise<void> {
    const transfer = await this.#door.admit(request);
    if (transfer.way === 'down') {
      const { payload } = transfer;
      if (payload === undefined) throw transferError('gone');
      await serveDownload(request, response, transfer, payload, this.#compresses(request));
    } else if (request.method === 'HEAD') {
      tellOffset(response, transfer);
    } else {
      await acceptUpload(request, response, transfer, {
        limit: this.#core.registry.sizeOf(transfer.content.id) ?? 0,
        openIntake: () => this.#uploads.openIntake(transfer),
        expectsContinue,
      });
    }
  }

  /** A peer on this machine gets the bytes as they are: no compressor is faster than loopback. */
  #compresses(request: IncomingMessage): boolean {
    const address = plainAddress(request.socket.remoteAddress);
    return this.#core.options.compress || (address !== undefined && !address.startsWith('127.'));
  }
}

function trustOf(trusted: readonly string[]): (address: string, hop: number) => boolean {
  try {
    return proxyAddress.compile([...trusted]);
  } catch (error) {
    const why = textOf(error);
    throw new BusError('ERR_INVALID_OPTION', `interserve option "trusted": ${why}`, { cause: error });
  }
}
