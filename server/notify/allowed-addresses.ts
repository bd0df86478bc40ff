import { BlockList, isIP } from 'node:net';

/** Which addresses messages may be sent to: those of the internet, and those that are named. */
export interface AllowedAddresses {
  isAllowed(address: string): boolean;
  /** Whether a host may have any address. */
  isNamed(host: string): boolean;
}

/** Not of the internet, or of no use there: IANA's special-purpose registries, multicast and reserved. */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Special ones within {@link GLOBAL_IPV6}; 6to4 and Teredo lead to IPv4 addresses that they contain. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];
const GLOBAL_IPV6 = '2000::/3';

const special = blockListOf([...SPECIAL_IPV4, ...SPECIAL_IPV6]);
const global = blockListOf([GLOBAL_IPV6]);

/** @param names addresses, networks such as 10.0.0.0/8, and host names */
export function createAllowedAddresses(names: readonly string[]): AllowedAddresses {
  const named = blockListOf(names.filter(isNetwork));
  const hosts = new Set(names.filter((name) => !isNetwork(name)).map((name) => name.toLowerCase()));
  return {
    isAllowed(given) {
      const address = plainAddress(given);
      if (contains(named, address)) return true;
      if (isIP(address) === 4) return !contains(special, address);
      return isIP(address) === 6 && contains(global, address) && !contains(special, address);
    },
    isNamed: (host) => hosts.has(host.toLowerCase()),
  };
}

export function isNetwork(name: string): boolean {
  const [address = '', prefix, ...rest] = name.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** An IPv4 address that is written as IPv6 as itself; without a zone. */
function plainAddress(given: string): string {
  const [address = ''] = given.split('%');
  if (isIP(address) !== 6) return address;
  const [, high = '', low = ''] =
    /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(new URL(`http://[${address}]`).hostname.slice(1, -1)) ?? [];
  if (high === '') return address;
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 0xff, second >> 8, second & 0xff].join('.');
}
