/** Collapses each run of white space into one space. */
export const flat = (text: string) => text.replace(/\s+/g, ' ');

interface Cause {
  /** Matched against text with collapsed white space. Its first group, if any, is a name to show. */
  readonly text: RegExp;
  /** Worded to follow a colon. */
  readonly says: string | ((name: string) => string);
}

/**
 * Messages of ansible-core 2.14 to 2.21 and OpenSSH, specific before general. Every pattern must match in
 * linear time: nothing repeated precedes something that may be missing.
 */
const CAUSES: readonly Cause[] = [
  {
    text: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S{1,300} has changed/,
    says: 'the SSH host key is not the one in known_hosts; it has changed',
  },
  {
    text: /Host key verification failed|authenticity of host/,
    says: 'the SSH host key is unknown; add it to known_hosts',
  },
  {
    // Ansible hides what ssh said about it
    text: /SSH password instead of a key is not possible because Host Key checking is enabled/,
    says: 'the SSH host key is unknown or has changed; compare it with known_hosts',
  },
  {
    text: /UNPROTECTED PRIVATE KEY FILE|bad permissions/,
    says: 'the SSH key file may be read by others, so ssh ignores it',
  },
  {
    text: /install the sshpass program/,
    says: 'an SSH password needs the program sshpass, which is not installed',
  },
  {
    text: /Invalid\/incorrect (?:username\/)?password|Authentication failed|(?:^|Task failed: )Authentication failure\./,
    says: 'the SSH password is wrong',
  },
  // ssh continues with its other keys
  {
    text: /no such identity: .{1,500}Permission denied \(/,
    says: 'no SSH key was accepted; a key file that is named is not there',
  },
  // the brackets list what the host accepts, whether or not we offered it; ssh does not mention passphrases
  {
    text: /Permission denied \([a-z,-]{0,100}\b(?:password|keyboard-interactive)\b/,
    says: 'no SSH key or password was accepted; a key with a passphrase needs an ssh-agent',
  },
  {
    text: /Permission denied \([a-z,-]{1,100}\)/,
    says: 'no SSH key was accepted; one with a passphrase needs an ssh-agent',
  },
  { text: /Too many authentication failures/, says: 'too many SSH keys were offered' },
  {
    text: /Could not resolve hostname|Name or service not known|nodename nor servname/,
    says: 'the name could not be resolved',
  },
  { text: /Connection refused/, says: 'the connection was refused' },
  {
    text: /kex_exchange_identification|Connection (?:closed|reset) by \S{1,300} port \d/,
    says: 'the host closed the connection',
  },
  { text: /No route to host|Network is unreachable/, says: 'there is no route to the host' },
  { text: /too long for Unix domain socket/, says: 'the path of the SSH control socket is too long' },
  {
    text: /waiting for privilege escalation prompt/,
    says: 'it took too long to become another user; the password prompt never came',
  },
  {
    text: /Connection timed out|Operation timed out|Connection to \S{1,300} timed out|Data could not be sent to remote host/,
    says: 'the connection timed out',
  },
  {
    text: /Missing (\w{1,20}) password/,
    says: (method) => `${method} asks for a password, and none was given`,
  },
  { text: /Incorrect (\w{1,20}) password/, says: (method) => `the ${method} password is wrong` },
  { text: /incorrect password attempt/, says: 'the sudo password is wrong' },
  {
    text: /sudo: a password is required|sudo: a terminal is required/,
    says: 'sudo asks for a password, and none was given',
  },
  {
    text: /is not in the sudoers file|is not allowed to (?:run sudo|execute)|may not run sudo/,
    says: 'the user may not use sudo',
  },
  { text: /sudo: (?:command )?not found/, says: 'sudo is not installed on the host' },
  { text: /sudo: unknown user/, says: 'the user to become does not exist' },
  {
    text: /when becoming an unprivileged user/,
    says: "Ansible's files could not be handed to the user to become; it does not exist, or the host has no setfacl",
  },
  { text: /no vault secrets found/, says: 'the vault password is missing' },
  {
    text: /Decryption failed|no vault secrets were found that could decrypt/,
    says: 'the vault password is wrong',
  },
  { text: /vault password file .{1,500} was not found/, says: 'the vault password file was not found' },
  { text: /The password file .{1,500} was not found/, says: 'a password file was not found' },
  { text: /Could not read (?:vault )?password file/, says: 'a password file could not be read' },
  { text: /Empty password was provided from file/, says: 'a password file is empty' },
  {
    text: /[Pp]assword script .{1,500} returned|run(?:ning)? (?:the |vault )?password script/,
    says: 'a password script failed',
  },
  {
    text: /leaves us with no hosts to target/,
    says: 'no host of the inventory matches the limit',
  },
  {
    text: /couldn't resolve module\/action '([\w.]{1,100})'/,
    says: (name) => `module ${name} was not found; it is misspelt or its collection is not installed`,
  },
  {
    text: /[Tt]he module ([\w.]{1,100}) was not found in configured module paths/,
    says: (name) => `module ${name} was not found; it is misspelt or its collection is not installed`,
  },
  {
    text: /role '([\w./-]{1,100})' was not found/,
    says: (name) => `role ${name} was not found; it is misspelt or not installed`,
  },
  {
    text: /No module named 'ansible_collections\.([\w.]{1,100})'/,
    says: (name) => `collection ${name} is not installed`,
  },
  {
    text: /(?:Could not load|Invalid callback for stdout specified:) '?([\w.]{1,100})'? ?(?:callback plugin)?/,
    says: (name) => `the callback plugin ${name} is not installed`,
  },
  { text: /the playbook: .{1,500} could not be found/, says: 'the playbook was not found' },
  {
    text: /Could not find or access|vars file .{1,500} was not found/,
    says: 'a file was not found',
  },
  {
    text: /YAML parsing failed|Syntax Error while loading YAML|unable to read either as JSON nor YAML/,
    says: 'a file is not valid YAML',
  },
  { text: /playbook must be a list of plays/, says: 'it is not a list of plays' },
  {
    text: /'([\w.]{1,100})' is not a valid attribute for/,
    says: (name) => `"${name}" is no keyword there`,
  },
  { text: /'([\w.]{1,100})' is undefined/, says: (name) => `variable ${name} is undefined` },
  {
    text: /Timed out after|failed to execute in the expected time frame/,
    says: 'a task took longer than its time limit',
  },
  { text: /No space left on device/, says: 'a disk is full' },
  {
    text: /python[\d.]{0,5}: (?:not found|No such file)|No python interpreters found/,
    says: 'there is no Python on the host',
  },
];

/** The known cause that a message names, worded to follow a colon; null when there is none. */
export function causeIn(message: string): string | null {
  if (message === '') return null;
  const text = flat(message);
  for (const cause of CAUSES) {
    const found = cause.text.exec(text);
    if (found) return typeof cause.says === 'string' ? cause.says : cause.says(found[1] ?? '');
  }
  return null;
}
