import { api, type Page } from '@/api/client'
import type { components } from '@/api/schema'
import type { PointOut } from '../types'

type Device = components['schemas']['DeviceOut']
type Mapping = components['schemas']['MappingOut']
export interface Source {
  device: Device
  mapping: Mapping
}

/** The devices of the point's thing and the address at which one of them reads it. */
export async function sourcesOf(point: PointOut, signal: AbortSignal): Promise<Source[]> {
  if (!point.thing_id) return []
  const devices = await api.get<Page<Device>>('/devices', { thing_id: point.thing_id, limit: 20 }, { signal })
  const found: Source[] = []
  for (const device of devices.items) {
    const mappings = await api.get<Mapping[]>(`/devices/${device.id}/mappings`, undefined, { signal })
    for (const mapping of mappings) if (mapping.point_id === point.id) found.push({ device, mapping })
  }
  return found
}
