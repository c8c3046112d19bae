export type { SocketIoOptions } from './options.ts';
export { socketIo, type SocketIoNodes } from './plugin.ts';
