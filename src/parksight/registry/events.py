"""Events of the registry, one subject per kind: ``registry.enterprise.changed`` and so on."""

from __future__ import annotations

from parksight.kernel.bus import Event


class RecordsChanged(Event, frozen=True, kw_only=True):
    """Records of one kind were made or changed.

    Attributes:
        action: ``create``, ``update``, ``retire`` or ``import``.
        ids: the records; an import names all of its own in one event.
    """

    action: str
    ids: tuple[int, ...]


class PlaceChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.place.changed"


class EnterpriseChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.enterprise.changed"


class SiteChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.site.changed"


class UnitChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.unit.changed"


class EquipmentChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.equipment.changed"


class CameraChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.camera.changed"


class PersonChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.person.changed"


class AssignmentChanged(RecordsChanged, frozen=True, kw_only=True):
    @classmethod
    def subject(cls) -> str:
        return "registry.assignment.changed"
