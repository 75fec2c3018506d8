// IndexedDB as promises. Three object stores: headers and messages of conversations that live in this browser, and the
// outbox of writes that the server has not confirmed.

export type StoreName = "headers" | "messages" | "outbox";

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const r = indexedDB.open("dure", 1);
    r.onupgradeneeded = () => {
      r.result.createObjectStore("headers", { keyPath: "id" });
      r.result.createObjectStore("messages", { keyPath: ["conversation", "id"] });
      r.result.createObjectStore("outbox", { keyPath: "key" });
    };
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => {
      opened = null;
      reject(r.error);
    };
  });
  return opened;
}

export function result<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error);
  });
}

/** Runs `work` in one transaction; resolves when it is on the disk. Only IndexedDB may be awaited inside. */
export async function transact<T>(
  names: StoreName[], mode: "readonly" | "readwrite", work: (t: IDBTransaction) => Promise<T>,
): Promise<T> {
  const t = (await open()).transaction(names, mode);
  const done = new Promise<void>((resolve, reject) => {
    t.oncomplete = () => resolve();
    t.onabort = () => reject(t.error);
  });
  let value: T;
  try {
    value = await work(t);
  } catch (e) {
    done.catch(() => undefined);
    try {
      t.abort();
    } catch {
      // it ended by itself
    }
    throw e;
  }
  await done;
  return value;
}
