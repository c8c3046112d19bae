import { type ClusterMessage, type ClusterResponse, MessageType } from 'socket.io-adapter';
import type { Answer, Message } from './frame.ts';

type Options = Extract<ClusterMessage, { type: MessageType.FETCH_SOCKETS }>['data']['opts'];

/** The message of an adapter as it travels, from the node `uid`; undefined for those about the cluster itself. */
export function frameOf(message: ClusterMessage, uid: string): Message | undefined {
  switch (message.type) {
    case MessageType.BROADCAST: {
      const { packet, opts, requestId } = message.data;
      const { volatile, compress } = opts.flags ?? {};
      const { data } = packet as { readonly data: readonly unknown[] };
      return ['broadcast', uid, opts.rooms, opts.except, volatile, compress, data, requestId];
    }
    case MessageType.SOCKETS_JOIN:
      return ['join', uid, message.data.opts.rooms, message.data.opts.except, message.data.rooms];
    case MessageType.SOCKETS_LEAVE:
      return ['part', uid, message.data.opts.rooms, message.data.opts.except, message.data.rooms];
    case MessageType.DISCONNECT_SOCKETS:
      return ['disconnect', uid, message.data.opts.rooms, message.data.opts.except, message.data.close === true];
    case MessageType.FETCH_SOCKETS:
      return ['fetch', uid, message.data.opts.rooms, message.data.opts.except, message.data.requestId];
    case MessageType.SERVER_SIDE_EMIT:
      return ['emit', uid, message.data.packet, message.data.requestId];
    default:
      return undefined;
  }
}

/** What `frameOf` was given, made again of what is known of it: nothing else of a stranger's gets to an adapter. */
export function messageOf(frame: Message, nsp: string): ClusterMessage {
  const uid = frame[1];
  switch (frame[0]) {
    case 'broadcast': {
      const flags = {
        ...(frame[4] === true && { volatile: true }),
        ...(typeof frame[5] === 'boolean' && { compress: frame[5] }),
      };
      const packet = { type: 2, data: [...frame[6]] };
      const data = { opts: { ...options(frame[2], frame[3]), flags }, packet, ...request(frame[7]) };
      return { uid, nsp, type: MessageType.BROADCAST, data };
    }
    case 'join':
    case 'part': {
      const type = frame[0] === 'join' ? MessageType.SOCKETS_JOIN : MessageType.SOCKETS_LEAVE;
      return { uid, nsp, type, data: { opts: options(frame[2], frame[3]), rooms: [...frame[4]] } };
    }
    case 'disconnect':
      return {
        uid,
        nsp,
        type: MessageType.DISCONNECT_SOCKETS,
        data: { opts: options(frame[2], frame[3]), close: frame[4] },
      };
    case 'fetch':
      return {
        uid,
        nsp,
        type: MessageType.FETCH_SOCKETS,
        data: { opts: options(frame[2], frame[3]), requestId: frame[4] },
      };
    case 'emit':
      return {
        uid,
        nsp,
        type: MessageType.SERVER_SIDE_EMIT,
        data: { packet: [...frame[2]], ...request(frame[3]) },
      };
  }
}

/** The answer of an adapter as it travels between two nodes. */
export function answerOf(response: ClusterResponse, uid: string, to: string): Answer {
  const { data } = response;
  switch (response.type) {
    case MessageType.FETCH_SOCKETS_RESPONSE:
      return ['sockets', uid, to, data.requestId, response.data.sockets];
    case MessageType.SERVER_SIDE_EMIT_RESPONSE:
      return ['reply', uid, to, data.requestId, response.data.packet];
    case MessageType.BROADCAST_CLIENT_COUNT:
      return ['count', uid, to, data.requestId, response.data.clientCount];
    case MessageType.BROADCAST_ACK:
      return ['ack', uid, to, data.requestId, response.data.packet];
  }
}

/** What `answerOf` was given, as `messageOf`. */
export function responseOf(answer: Answer, nsp: string): ClusterResponse {
  const [, uid, , requestId] = answer;
  switch (answer[0]) {
    case 'sockets':
      return { uid, nsp, type: MessageType.FETCH_SOCKETS_RESPONSE, data: { requestId, sockets: [...answer[4]] } };
    case 'reply':
      return { uid, nsp, type: MessageType.SERVER_SIDE_EMIT_RESPONSE, data: { requestId, packet: answer[4] } };
    case 'count':
      return { uid, nsp, type: MessageType.BROADCAST_CLIENT_COUNT, data: { requestId, clientCount: answer[4] } };
    case 'ack':
      return { uid, nsp, type: MessageType.BROADCAST_ACK, data: { requestId, packet: answer[4] } };
  }
}

function options(rooms: readonly string[], except: readonly string[]): Options {
  return { rooms: [...rooms], except: [...except], flags: {} };
}

/** That it is there says that an answer is wanted. */
function request(requestId: string | null | undefined): { requestId?: string } {
  return typeof requestId === 'string' ? { requestId } : {};
}
