import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { Client, Server } from '../../lib/index.ts';
import { type DispatchServer, dispatch } from '../../lib/plugins/dispatch/index.ts';
import { portOf } from '../port-of.ts';
import type { Commands, Part } from '../scenarios/scenario.ts';
import { now, sleep } from '../time.ts';

const secret = 'bench';
const host = '127.0.0.1';
export const barePipe = 'bare pipe';
export const busDriver = 'busbar, driver on the bus';

/** The least there can be between a TCP port and a WebSocket, with the parts that dispatch is made of. */
function pipe(): Commands {
  return {
    async open() {
      const drivers = new Set<WebSocket>();
      const webSockets = new WebSocketServer({ port: 0, host, perMessageDeflate: false });
      webSockets.on('connection', (driver) => drivers.add(driver));
      const devices = createServer((device) => {
        device.on('data', (chunk) => {
          for (const driver of drivers) {
            driver.send(chunk, (error) => error ?? device.resume());
            if (driver.bufferedAmount > 1_048_576) device.pause();
          }
        });
      });
      await new Promise<void>((resolve) => devices.listen(0, host, resolve));
      return { web: portOf(webSockets), devices: portOf(devices) };
    },
  };
}

export const service: Part = ({ peer, address }) => {
  if (peer === barePipe) return pipe();
  let dispatcher: DispatchServer;
  return {
    async open() {
      const server = new Server({ path: address });
      dispatcher = server.use(dispatch({ port: 0, secret }));
      await server.start();
      const free = createServer().listen(0, host);
      await once(free, 'listening');
      const devices = portOf(free);
      free.close();
      return { web: dispatcher.webPort ?? 0, devices };
    },
    /** Datagrams that were dropped, for a driver behind or by the system. */
    async dropped() {
      const text = await dispatcher.metrics();
      const value = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
      const slow = value(/dropped_total\{reason="slow_driver"\} (\d+)/);
      return { count: slow + value(/^busbar_dispatch_udp_receive_buffer_drops(?:\{[^}]*\})? (\d+)$/m) };
    },
  };
};

/** Counts what it hears, by the type that the first byte of a message tells, and its bytes. */
export const driver: Part = ({ peer, address }) => {
  const counts = [0, 0, 0];
  let bytes = 0;
  const heard = (size: number, type = 2): void => {
    bytes += size;
    counts[type] = (counts[type] ?? 0) + 1;
  };
  return {
    async open({ web, devices, protocol }) {
      if (peer === busDriver) {
        const client = new Client({ path: address });
        const ports = client.use(dispatch());
        await client.connect();
        const port = await ports.tcp({ port: 0, accept: host });
        port.on('received', (_, data) => heard(data.length));
        return { devices: port.port };
      }
      const query = `${String(protocol)}_dispatch?bearer_token=${secret}&accept=${host}&port=${Number(devices)}`;
      const path = peer === barePipe ? '' : `api/server/${query}`;
      const webSocket = new WebSocket(`ws://${host}:${Number(web)}/${path}`, { perMessageDeflate: false });
      webSocket.on('message', (data: Buffer) => heard(data.length, data[0]));
      await once(webSocket, 'open');
      return { devices: Number(devices) };
    },
    /** Resolves when so many bytes or closed devices were heard of, or nothing came for a second. */
    async until({ bytes: wanted = Infinity, closed = Infinity }) {
      let quietSince = now();
      for (let last = -1; bytes < Number(wanted) && (counts[1] ?? 0) < Number(closed); ) {
        const sum = bytes + (counts[0] ?? 0) + (counts[1] ?? 0);
        if (sum !== last) quietSince = now();
        else if (now() - quietSince > 1_000) break;
        last = sum;
        await sleep(1);
      }
      const [opened = 0, gone = 0, received = 0] = counts;
      return { at: now(), bytes, opened, closed: gone, received };
    },
  };
};

/** The port opens a moment after its driver was let in. */
async function dial(port: number): Promise<Socket> {
  for (const startedAt = now(); ; await sleep(5)) {
    const socket = connect(port, host);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (now() - startedAt > 3_000) throw error;
    }
  }
}

export const devices: Part = () => ({
  /** One device that sends so many bytes. */
  async stream({ port, bytes, size }) {
    const socket = await dial(Number(port));
    const chunk = Buffer.alloc(Number(size), 1);
    const startedAt = now();
    for (let left = Number(bytes); left > 0; left -= chunk.length) {
      if (!socket.write(chunk)) await once(socket, 'drain');
    }
    return { startedAt };
  },
  /** So many devices that say hello and leave. */
  async crowd({ port, count }) {
    const first = await dial(Number(port));
    const startedAt = now();
    const others = Array.from({ length: Number(count) - 1 }, () => connect(Number(port), host));
    await Promise.all(others.map((socket) => once(socket, 'connect')));
    const ms = now() - startedAt;
    for (const socket of [first, ...others]) socket.end('hello');
    return { ms };
  },
  /** Datagrams at a rate. */
  async datagrams({ port, rate, ms, size }) {
    // A port that opens a moment later would lose the first of them.
    await sleep(200);
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.connect(Number(port), host, resolve));
    const datagram = Buffer.alloc(Number(size), 1);
    const total = Math.round((Number(rate) * Number(ms)) / 1_000);
    const startedAt = now();
    let sent = 0;
    let failed = 0;
    while (sent < total) {
      const due = Math.min(total, ((now() - startedAt) / 1_000) * Number(rate));
      for (; sent < due; sent++) socket.send(datagram, (error) => void (failed += error === null ? 0 : 1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const tookMs = now() - startedAt;
    await sleep(100);
    return { sent: sent - failed, ms: tookMs };
  },
});
