// Who a client is for rate limits: an IPv4 address, or the 64-bit network of an IPv6 address. One IPv6 customer has 2^64 addresses to
// send from, so single ones say nothing. Headers that name another client are never looked at: everybody can write them.
import { isIPv4, isIPv6 } from 'node:net';

/** The key of the peer `address`, as Node gives it. A peer that is gone has none, and shares the key of all such. */
export function clientKey(address: string | undefined): string {
  if (address === undefined) return '';
  if (isIPv4(address)) return address;
  const text = address.split('%', 1)[0];
  if (!isIPv6(text)) return '';
  const groups = groupsOf(text);
  // ::ffff:a.b.c.d is an IPv4 client of a listener for both.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [groups[6] >> 8, groups[6] & 255, groups[7] >> 8, groups[7] & 255].join('.');
  }
  return groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':');
}

/** The eight groups of a valid IPv6 address without a zone. */
function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text =
    dotted === null
      ? address
      : `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`;
  const [before, after] = text.split('::');
  const head = parse(before);
  if (after === undefined) return head;
  const tail = parse(after);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function parse(groups: string): number[] {
  return groups === '' ? [] : groups.split(':').map((group) => Number.parseInt(group, 16));
}
