/**
 * What travels on this bus. Both processes import it; nothing of it exists at run time.
 *
 * @typedef {{ number: number, text: string }} Order
 * @typedef {{
 *   readonly toServer: { readonly message: Order, readonly request: { price: number, count: number }, readonly response: number },
 *   readonly toClient: { readonly message: string },
 *   readonly payload: { name: string },
 * }} Shop
 */

/** Where the two meet. */
export const path = 'shop.sock';
