/** What was done without a network, kept in the browser until the server has taken it; in the order it was done. */

const DB = 'parksight-work'
const STORE = 'waiting'

export type WaitingKind = 'open' | 'act' | 'comment' | 'evidence'
export type WaitingState = 'waiting' | 'sending' | 'conflict' | 'refused'

export interface Photo {
  blob: Blob
  name: string
  kind: 'photo' | 'file' | 'video'
  takenAt: string | null
  position: { lon: number; lat: number; accuracy_m: number | null } | null
}

export interface Waiting {
  /** Also the request id: sending it twice changes nothing twice. */
  id: string
  kind: WaitingKind
  /** Whose it is: another person at the same phone neither sees nor sends it. */
  userId: number
  caseId: number | null
  title: string
  body: Record<string, unknown>
  photos: Photo[]
  /** Evidence the server has already taken, by place in `photos`. */
  uploaded: Record<number, number>
  doneAt: string
  state: WaitingState
  /** What the server said against it. */
  why: string
  tries: number
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DB, 1)
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: 'id' })
    asked.onsuccess = () => resolve(asked.result)
    asked.onerror = () => reject(asked.error ?? new Error('indexedDB'))
  })
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open()
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = db.transaction(STORE, mode)
      const asked = work(transaction.objectStore(STORE))
      transaction.oncomplete = () => resolve(asked.result)
      transaction.onerror = () => reject(transaction.error ?? new Error('indexedDB'))
      transaction.onabort = () => reject(transaction.error ?? new Error('indexedDB'))
    })
  } finally {
    db.close()
  }
}

export const kept = async (userId: number): Promise<Waiting[]> =>
  (await run<Waiting[]>('readonly', (s) => s.getAll() as IDBRequest<Waiting[]>))
    .filter((w) => w.userId === userId)
    .sort((a, b) => a.doneAt.localeCompare(b.doneAt))
export const keep = (item: Waiting): Promise<unknown> => run('readwrite', (s) => s.put(item))
export const drop = (id: string): Promise<unknown> => run('readwrite', (s) => s.delete(id))
