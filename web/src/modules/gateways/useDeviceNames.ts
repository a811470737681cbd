import { shallowRef } from 'vue'
import { api } from '@/api/client'
import type { DeviceOut } from './types'

const known = shallowRef(new Map<number, DeviceOut | null>())

/** Devices by id, asked for once each; ids of no device (or of none one may see) stay null. */
export function useDeviceNames(): { nameOf: (id: number) => DeviceOut | null; want: (ids: number[]) => void } {
  function want(ids: number[]): void {
    for (const id of new Set(ids)) {
      if (id <= 0 || known.value.has(id)) continue
      known.value.set(id, null)
      void api
        .get<DeviceOut>(`/devices/${id}`)
        .then((found) => {
          known.value = new Map(known.value).set(id, found)
        })
        .catch(() => undefined)
    }
  }
  return { nameOf: (id) => known.value.get(id) ?? null, want }
}
