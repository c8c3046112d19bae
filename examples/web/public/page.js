import { Client, ClientStatus } from 'busbar/browser';

const element = (id) => document.getElementById(id);
const world = element('world');
const plot = element('plot');
const history = [];
const shown = 120;

let me;
let snapshots = [];
let received = 0;

const client = new Client({ url: `ws://${location.hostname}:${document.body.dataset.gatewayPort}/bus` });
const names = Object.fromEntries(Object.entries(ClientStatus).map(([name, value]) => [value, name.toLowerCase()]));
client.on('status', (status) => {
  element('status').textContent = names[status] ?? String(status);
});
client.on('message', (message) => {
  snapshots = [...snapshots.slice(-7), message];
  received += 1;
});
client.on('ready', () => {
  void client.request('join').then(({ id }) => {
    me = id;
  });
});

world.addEventListener('click', ({ offsetX, offsetY }) => {
  void client.send({ x: offsetX / world.clientWidth, y: offsetY / world.clientHeight });
});

setInterval(() => void measure(), 500);
requestAnimationFrame(drawWorld);
await client.connect();

async function measure() {
  const rate = received * 2;
  received = 0;
  const started = performance.now();
  const latency = await client.ping().then(
    () => performance.now() - started,
    () => undefined,
  );
  history.push({ rate, latency });
  if (history.length > shown) history.shift();
  element('players').textContent = String(snapshots.at(-1)?.players.length ?? 0);
  element('latency').textContent = latency === undefined ? 'away' : `${latency.toFixed(1)} ms`;
  element('rate').textContent = `${rate} /s`;
  document.body.dataset.measured = String(history.length);
  drawPlot();
}

function drawWorld() {
  const context = world.getContext('2d');
  context.clearRect(0, 0, world.width, world.height);
  for (const [index, { players }] of snapshots.entries()) {
    const isLast = index === snapshots.length - 1;
    context.globalAlpha = isLast ? 1 : (index + 1) / 24;
    for (const [id, x, y, hue] of players) {
      context.beginPath();
      context.arc(x * world.width, y * world.height, id === me ? 9 : 6, 0, 2 * Math.PI);
      context.fillStyle = `hsl(${hue} 80% 65%)`;
      context.fill();
      if (id !== me || !isLast) continue;
      context.strokeStyle = '#fff';
      context.lineWidth = 2;
      context.stroke();
    }
  }
  requestAnimationFrame(drawWorld);
}

function drawPlot() {
  const context = plot.getContext('2d');
  context.clearRect(0, 0, plot.width, plot.height);
  line(context, 'rate', '#5ec8a0', 'messages / s');
  line(context, 'latency', '#f0b45b', 'latency, ms', 200);
}

function line(context, key, colour, label, labelAt = 12) {
  const top = Math.max(1, ...history.map((point) => point[key] ?? 0)) * 1.2;
  context.fillStyle = colour;
  context.font = '12px system-ui, sans-serif';
  context.fillText(`${label}, up to ${top.toFixed(top < 10 ? 1 : 0)}`, labelAt, 16);
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [index, point] of history.entries()) {
    const x = (index / (shown - 1)) * plot.width;
    const y = plot.height - 6 - ((point[key] ?? 0) / top) * (plot.height - 34);
    if (index === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.stroke();
}
