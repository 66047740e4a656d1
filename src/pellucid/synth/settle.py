"""Physics: lets the objects of a scene fall, and says whether the result is a scene."""

from pellucid.synth.spec import SceneSpec


class Rejected(Exception):
    """A scene that cannot be used: `check` names which test it failed, `detail` says what was found."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check, self.detail = check, detail


def settle(spec: SceneSpec) -> SceneSpec:
    """The spec with its objects at rest and the camera aimed at them; objects that fell off are gone.

    Raises Rejected with check "still moving", "flew off", "interpenetrates", "sinks", "not seen" or "too few left",
    and InputError when MuJoCo is missing (it comes with `pip install 'pellucid[synth]'`).
    """
    raise NotImplementedError
