import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const registry: WebModule = {
  name: 'registry',
  routes: [
    {
      path: '/enterprises',
      name: 'enterprises',
      component: () => import('./EnterprisesPage.vue'),
      meta: { permission: 'registry.enterprise.read', title: 'registry.enterprises' },
    },
    {
      path: '/enterprises/:id(\\d+)',
      name: 'enterprise',
      component: () => import('./EnterprisePage.vue'),
      meta: { permission: 'registry.enterprise.read', title: 'registry.enterprise' },
    },
    {
      path: '/registry/import',
      name: 'registry-import',
      component: () => import('./ImportPage.vue'),
      meta: { permission: 'registry.import', title: 'registry.import.title' },
    },
    {
      path: '/registry/:kind(zones|parcels|roads|buildings|sites|units|equipment|cameras|people)?',
      name: 'registry',
      component: () => import('./RegistryPage.vue'),
      meta: { permission: 'registry.place.read', title: 'registry.nav' },
    },
  ],
  nav: [
    { route: 'enterprises', label: 'registry.enterprises', permission: 'registry.enterprise.read', order: 50, group: 'main' },
    { route: 'registry', label: 'registry.nav', permission: 'registry.place.read', order: 120, group: 'more' },
  ],
  locales: { 'zh-CN': zh, en },
}
export default registry
