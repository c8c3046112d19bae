/** Stands in for `wire/native/body-codec` in web pages. */
export { MessagePackReader as BodyReader } from '../wire/native/message-pack-reader.ts';
export { BodyPacker, roomBytes } from './message-pack-writer.ts';
