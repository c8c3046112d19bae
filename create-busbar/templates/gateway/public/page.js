import { Client } from './busbar/browser.js';

const element = (id) => document.getElementById(id);
const client = new Client({ url: `ws://${location.hostname}:${document.body.dataset.door}/bus` });
client.on('link', (up) => {
  element('status').textContent = up ? 'connected' : 'waiting for the server';
});
client.on('message', ({ from, text }) => {
  const line = document.createElement('li');
  line.textContent = `${from}: ${text}`;
  element('said').append(line);
});
element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void client.send(element('text').value);
  element('text').value = '';
});
await client.connect({ name: 'a page' });
