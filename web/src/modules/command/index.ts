import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const command: WebModule = {
  name: 'command',
  routes: [
    {
      path: '/command',
      name: 'command',
      component: () => import('./CommandCentre.vue'),
      meta: { frame: 'wall', permission: 'command.overview.read', title: 'command.nav' },
    },
    {
      path: '/map',
      name: 'map',
      component: () => import('./MapPage.vue'),
      meta: { permission: 'registry.place.read', title: 'command.map.nav', flush: true },
    },
  ],
  nav: [
    { route: 'command', label: 'command.nav', permission: 'command.overview.read', order: 0, group: 'main' },
    { route: 'map', label: 'command.map.nav', permission: 'registry.place.read', order: 10, group: 'main' },
  ],
  locales: { 'zh-CN': zh, en },
}
export default command
