import { LocalPresence } from '@colyseus/core';
import { Server } from 'busbar';
import { remote } from 'busbar/rpc';
import { argumentsOf } from '../program.ts';
import { keyMethods, object, processTopic } from './contract.ts';
import { HubRooms } from './hub-rooms.ts';
import { HubTopics } from './hub-topics.ts';

// What Redis would be there for: keys, topics, and the listing of rooms.

const [path] = argumentsOf('PATH');
const server = new Server({ path });
const keys = new LocalPresence();
const topics = new HubTopics();
const rooms = new HubRooms();
remote(server, keys, { id: object.keys, methods: keyMethods });
const topicMethods = ['subscribe', 'unsubscribe', 'channels', 'publish'];
remote(server, topics, { id: object.topics, context: true, methods: topicMethods });
const roomMethods = ['save', 'remove', 'query', 'cleanup', 'clear'];
remote(server, rooms, { id: object.rooms, context: true, methods: roomMethods });

// A process that is gone gets no room any more, and has none.
server.on('disconnect', (connection) => {
  rooms.leave(connection);
  for (const topic of topics.leave(connection)) {
    if (topic.startsWith(processTopic)) void keys.hdel('roomcount', topic.slice(processTopic.length));
  }
});
await server.start();
console.log('ready');
