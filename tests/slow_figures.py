"""The figures whose fast size takes more than some three seconds.

Their slow tests compute it; others run their code up to the first point of their studies, which is
quick for some.
"""

SLOW = {
    "hep2022/fig2b",
    "hep2022/fig2d",
    "hep2022/fig3a",
    "hep2022/fig3b",
    "hep2022/fig3c",
    "hep2022/fig4a",
    "hep2022/fig4b",
    "homeostasis2024/fig2",
    "homeostasis2024/fig3",
    "homeostasis2024/fig4",
    "nonconservative2026/verification",
    "two_tales2024/fidelity",
    "two_tales2024/stability",
    "two_tales2024/angles",
    "beyond/holomorphic_aep",
    "beyond/holomorphic_dual",
    "beyond/settled",
    "beyond/feedback_scaling",
    "substrates/bias_orders",
    "substrates/contours",
    "time/echoes",
}
