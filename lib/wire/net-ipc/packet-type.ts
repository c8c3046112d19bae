/** The member `t` of a net-ipc packet. */
export const packetType = {
  connection: 0,
  message: 1,
  request: 2,
  response: 3,
  ping: 4,
  pong: 5,
  end: 6,
} as const;

export type PacketType = (typeof packetType)[keyof typeof packetType];
