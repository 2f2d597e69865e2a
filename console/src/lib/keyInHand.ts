// The key that somebody tries: in memory, and gone with the page.
let inHand = "";
export const takeAlong = (key: string) => {
  inHand = key;
};
export const keyInHand = () => inHand;
