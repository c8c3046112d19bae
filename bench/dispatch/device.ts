import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

// Devices, in a process of their own: `tcp PORT BYTES CHUNK`, `udp PORT COUNT RATE SIZE` or `crowd PORT COUNT`.
const [kind = '', port = '', ...numbers] = process.argv.slice(2);

if (kind === 'tcp') {
  const [bytes = 0, size = 0] = numbers.map(Number);
  const chunk = Buffer.alloc(size, 1);
  const socket = connect(Number(port), '127.0.0.1');
  let left = bytes;
  const pump = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) return void socket.once('drain', pump);
    }
    socket.end();
  };
  process.once('message', pump);
  socket.on('connect', () => process.send?.('ready'));
} else if (kind === 'udp') {
  const [count = 0, rate = 0, size = 0] = numbers.map(Number);
  const datagram = Buffer.alloc(size, 1);
  const socket = createSocket('udp4');
  socket.connect(Number(port), '127.0.0.1', () => {
    const start = performance.now();
    let sent = 0;
    let unsent = 0;
    const pump = (): void => {
      const due = Math.min(count, ((performance.now() - start) / 1_000) * rate);
      for (; sent < due; sent++) socket.send(datagram, (error) => void (unsent += error === null ? 0 : 1));
      if (sent < count) return void setImmediate(pump);
      setTimeout(() => {
        process.send?.({ sent, unsent, seconds: (performance.now() - start) / 1_000 });
        socket.close();
        process.disconnect();
      }, 200);
    };
    pump();
  });
} else {
  const [count = 0] = numbers.map(Number);
  let open = 0;
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write('hello');
      if (++open === count) process.send?.('ready');
    });
    return socket;
  });
  process.once('message', () => {
    for (const socket of sockets) socket.end();
    process.disconnect();
  });
}
