import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { SecretsError } from '../domain/errors.ts';
import { type MasterKey, type MasterKeySource, makeMasterKey, readMasterKey } from './master-key.ts';
import type { Secrets } from './secrets.ts';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Version of the format, key id, nonce, tag, text. */
const SEALED = /^1:([\da-f]{16}):([\w-]{16}):([\w-]{22}):([\w-]*)$/;

/** Secrets sealed with AES-256-GCM; the row is authenticated with them. Reads the key when it is needed. */
export function createSealedSecrets(source: MasterKeySource): Secrets {
  let known: MasterKey | null = null;
  let making: Promise<MasterKey> | null = null;

  /** Only once found: a missing key may be put into its place while the server runs. */
  async function find(): Promise<MasterKey | null> {
    known ??= await readMasterKey(source);
    return known;
  }

  function findOrMake(): Promise<MasterKey> {
    // callers that come meanwhile must not make another one
    making ??= find()
      .then(async (found) => {
        known = found ?? (await makeMasterKey(source));
        return known;
      })
      .finally(() => {
        making = null;
      });
    return making;
  }

  return {
    async seal(text, row) {
      const key = await findOrMake();
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, key.bytes, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(contextOf(key.id, row));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return [
        '1',
        key.id,
        ...[iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url')),
      ].join(':');
    },

    async open(sealed, row) {
      const [, keyId = '', ...parts] = SEALED.exec(sealed) ?? [];
      if (keyId === '')
        throw new SecretsError('What is stored is not a sealed secret; enter the secret again.');
      const key = await find();
      if (!key) {
        throw new SecretsError(
          `The key ${keyId} that the secret was sealed with is missing on this node: expected it in ${source.file ?? `master.key in the data folder, or in the file of SIBLE_MASTER_KEY_FILE`}. Bring it back, or enter the secret again.`,
        );
      }
      if (key.id !== keyId) {
        throw new SecretsError(
          `The secret was sealed with the key ${keyId}, and this node has the key ${key.id}. Give every node the same SIBLE_MASTER_KEY_FILE, or enter the secret again.`,
        );
      }
      const [iv, tag, text] = parts.map((part) => Buffer.from(part, 'base64url')) as [Buffer, Buffer, Buffer];
      try {
        const decipher = createDecipheriv(CIPHER, key.bytes, iv, { authTagLength: TAG_BYTES });
        decipher.setAAD(contextOf(keyId, row)).setAuthTag(tag);
        return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
      } catch {
        throw new SecretsError('The secret was damaged, or moved from another row; enter it again.');
      }
    },
  };
}

function contextOf(keyId: string, row: string): Buffer {
  return Buffer.from(`sible secret 1\n${keyId}\n${row}`);
}
