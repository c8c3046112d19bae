import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../lib/index.ts';
import { DevicePort } from '../../lib/plugins/dispatch/device-port.ts';
import { HttpServer } from '../../lib/plugins/gateway/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { Meeting } from '../plugins/channels/meeting.ts';

type Listener = () => unknown;
/** Any emitter: how to listen, and how to raise the event that is listened to. */
interface Case {
  listen(listener: Listener): unknown;
  raise(): unknown;
  readonly errors: unknown[];
}

/** What listeners do wrong, each with a message of its own. */
const wrongs: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('throws');
  },
  rejects: async () => {
    await Promise.resolve();
    throw new Error('rejects');
  },
  'is a rejection of another realm': () =>
    runInNewContext("Promise.reject(new Error('is a rejection of another realm'))"),
  'is a thenable that rejects': () =>
    Object.defineProperty({}, ['th', 'en'].join(''), {
      value: (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('is a thenable that rejects')),
    }),
  'is a thenable that throws': () =>
    Object.defineProperty({}, ['th', 'en'].join(''), {
      get: () => {
        throw new Error('is a thenable that throws');
      },
    }),
};

describe('listeners of every emitter', () => {
  let meeting: Meeting;
  beforeEach(async () => {
    meeting = await new Meeting('memory').start();
  });
  afterEach(() => meeting.close());

  const cases: Readonly<Record<string, () => Promise<Case>>> = {
    'a Server': async () => ({
      listen: (listener) => meeting.server.on('message', listener),
      raise: () => meeting.server.emit('message', 1),
      errors: meeting.errors,
    }),
    'a Client': async () => {
      const [, client] = await meeting.client();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      return { listen: (listener) => client.on('message', listener), raise: () => client.emit('message', 1), errors };
    },
    'a Connection': async () => {
      await meeting.client();
      const [connection] = meeting.server.connections;
      return {
        listen: (listener) => connection?.on('undelivered', listener),
        raise: () => connection?.emit('undelivered', []),
        errors: meeting.errors,
      };
    },
    'an end of a channel': async () => {
      const [rooms, client] = await meeting.client();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      const owner = await rooms.create('room');
      const user = await (await meeting.rooms()).enter('room');
      const listen = (listener: Listener): unknown => owner.on('data', listener);
      return { listen, raise: () => user.send(Buffer.from('x')), errors };
    },
    'a topic': async () => {
      const [rooms, client] = await meeting.client();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      return {
        listen: (listener) => rooms.subscribe('topic', listener),
        raise: () => rooms.publish('topic', 1),
        errors,
      };
    },
    'a port of devices': async () => {
      const errors: unknown[] = [];
      const nothing = async (): Promise<void> => undefined;
      const port = new DevicePort('tcp', 1, {
        write: nothing,
        close: nothing,
        release: nothing,
        credit: () => undefined,
        report: (error) => errors.push(error),
      });
      return { listen: (listener) => port.on('released', listener), raise: () => port.emit('released'), errors };
    },
    'a server of the gateway': async () => {
      const errors: unknown[] = [];
      const http = new HttpServer({ deferred: false });
      http.on('UNKNOWN_OR_INVALID_WEBSERVER_EVENT', (_event, { error }) => errors.push(error));
      return {
        listen: (listener) => http.on('SERVER_STARTED_LISTENING', listener),
        raise: () => http.onEvent('SERVER_STARTED_LISTENING'),
        errors,
      };
    },
    'the transfers of a server': async () => {
      const transfers = meeting.server.use(interserve({ share: true }));
      return {
        listen: (listener) => transfers.on('transfer', listener),
        raise: () => transfers.emit('transfer', {}),
        errors: meeting.errors,
      };
    },
    'the transfers of a client': async () => {
      const [, client] = await meeting.client();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      const transfers = client.use(interserve());
      return {
        listen: (listener) => transfers.on('transfer', listener),
        raise: () => transfers.emit('transfer', {}),
        errors,
      };
    },
    'a transfer': async () => {
      const [, client] = await meeting.client();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      const handle = client.use(interserve()).send('none', 'x');
      handle.receipt.catch(() => undefined);
      return {
        listen: (listener) => handle.on('progress', listener),
        raise: () => handle.emit('progress', {}),
        errors,
      };
    },
  };

  for (const [name, make] of Object.entries(cases)) {
    it(`${name} - one that fails is reported, and the others hear`, async () => {
      const { listen, raise, errors } = await make();
      for (const wrong of Object.values(wrongs)) listen(wrong);
      const heard = new Promise<void>((resolve) => listen(() => resolve()));
      const before = errors.length;
      await raise();
      await heard;
      const messages = (): unknown[] =>
        errors
          .slice(before)
          .map((error) => (error as Error).message.replace(/^Error: /, ''))
          .sort();
      const end = Date.now() + 10_000;
      while (messages().length < Object.keys(wrongs).length && Date.now() < end) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(messages()).to.deep.equal(Object.keys(wrongs).sort());
      for (const error of errors.slice(before)) {
        if (error instanceof BusError) expect(error.code).to.equal('ERR_LISTENER');
      }
    });

    it(`${name} - what is no function is refused`, async () => {
      const { listen } = await make();
      for (const wrong of [undefined, null, 'text', {}]) {
        expect(() => listen(wrong as never), String(wrong)).to.throw();
      }
    });
  }
});
