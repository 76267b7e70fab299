"""Small OpenDRIVE maps as other makers write them."""

from __future__ import annotations


def straight(marks: str = "", objects: str = "", elevation: str = "", lateral: str = "", plan: str = "") -> str:
    """A road of 200 m along +x with one driving lane of 3.5 m to each side."""
    width = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/>'
    plan = plan or '<geometry s="0" x="0" y="0" hdg="0" length="200"><line/></geometry>'
    return (
        '<OpenDRIVE><header revMajor="1" revMinor="4"/><road name="r" length="200" id="1" junction="-1">'
        f"<planView>{plan}</planView><elevationProfile>{elevation}</elevationProfile>"
        f'<lateralProfile>{lateral}</lateralProfile><lanes><laneSection s="0">'
        f'<left><lane id="1" type="driving">{width}</lane></left><center><lane id="0" type="none"/></center>'
        f'<right><lane id="-1" type="driving">{width}{marks}</lane></right></laneSection></lanes>'
        f"<objects>{objects}</objects></road></OpenDRIVE>"
    )
